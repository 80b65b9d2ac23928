//! Errors inside an SQL adapter.

use clouddrive_domain::Error;
use diesel::result::Error as DieselError;

use crate::names::NameConflict;

/// A domain error, a name conflict or a database error.
#[derive(Debug)]
pub enum SqlError {
    /// An error of the domain.
    Domain(Error),
    /// A name is taken; a free one is still to be suggested.
    NameConflict(Box<NameConflict>),
    /// An error of the database.
    Database(DieselError),
}

impl From<Error> for SqlError {
    fn from(error: Error) -> Self {
        Self::Domain(error)
    }
}

impl From<NameConflict> for SqlError {
    fn from(conflict: NameConflict) -> Self {
        Self::NameConflict(Box::new(conflict))
    }
}

impl From<DieselError> for SqlError {
    fn from(error: DieselError) -> Self {
        Self::Database(error)
    }
}

impl SqlError {
    /// Converts to a domain error; `is_transient` tells whether a database error is transient.
    pub fn into_domain_error(self, is_transient: impl FnOnce(&DieselError) -> bool) -> Error {
        match self {
            Self::Domain(error) => error,
            Self::NameConflict(conflict) => {
                Error::internal("database", format!("unresolved name conflict: {conflict:?}"))
            }
            Self::Database(error) if is_transient(&error) => Error::unavailable("database", error),
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
