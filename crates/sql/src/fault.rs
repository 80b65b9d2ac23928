//! What can go wrong inside an SQL adapter.

use clouddrive_domain::Error;
use diesel::result::Error as DieselError;

use crate::names::Taken;

/// What the functions of an SQL adapter return.
pub type Outcome<T> = Result<T, Fault>;

/// A decision of the domain's, a name that is taken, or a fault of the database's.
#[derive(Debug)]
pub enum Fault {
    /// What the domain decided.
    Domain(Error),
    /// A name is taken; it remains to say which one is free.
    Taken(Box<Taken>),
    /// What the database said.
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
    /// What the domain calls it, given whether a fault of the database's is likely to pass.
    pub fn into_error(self, is_passing: impl FnOnce(&DieselError) -> bool) -> Error {
        match self {
            Self::Domain(error) => error,
            Self::Taken(taken) => Error::internal("database", format!("unexplained: {taken:?}")),
            Self::Database(error) if is_passing(&error) => Error::unavailable("database", error),
            Self::Database(error) => Error::internal("database", error),
        }
    }
}

/// A constraint of the schema that a statement can violate in the course of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// A user name is unique.
    Username,
    /// An e-mail address is unique.
    Email,
    /// A name is unique among what lives in a folder.
    LiveName,
    /// A node is shared once with each guest.
    ShareOnce,
    /// What a row refers to is there.
    Reference,
}
