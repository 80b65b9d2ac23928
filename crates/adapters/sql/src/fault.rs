//! Errors inside an SQL adapter.

use clouddrive_domain::Error;
use diesel::result::Error as DieselError;

use crate::names::Taken;

/// The result type of an SQL adapter's functions.
pub type Outcome<T> = Result<T, Fault>;

/// A domain error, a name conflict or a database error.
#[derive(Debug)]
pub enum Fault {
    /// An error of the domain.
    Domain(Error),
    /// A name is taken; a free one is still to be suggested.
    Taken(Box<Taken>),
    /// An error of the database.
    Database(DieselError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Domain(error)
    }
}

impl From<Taken> for Fault {
    fn from(taken: Taken) -> Self {
        Self::Taken(Box::new(taken))
    }
}

impl From<DieselError> for Fault {
    fn from(error: DieselError) -> Self {
        Self::Database(error)
    }
}

impl Fault {
    /// Converts to a domain error; `is_passing` tells whether a database error is transient.
    pub fn into_error(self, is_passing: impl FnOnce(&DieselError) -> bool) -> Error {
        match self {
            Self::Domain(error) => error,
            Self::Taken(taken) => Error::internal("database", format!("unexplained: {taken:?}")),
            Self::Database(error) if is_passing(&error) => Error::unavailable("database", error),
            Self::Database(error) => Error::internal("database", error),
        }
    }
}

/// A schema constraint that statements may violate in normal operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// A user name is unique.
    Username,
    /// An e-mail address is unique.
    Email,
    /// A name is unique among the live nodes of a folder.
    LiveName,
    /// A node is shared at most once with each guest.
    ShareOnce,
    /// A referenced row exists.
    Reference,
}
