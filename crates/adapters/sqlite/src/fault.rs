//! What can go wrong inside this adapter, and what the domain calls it.

use clouddrive_domain::Error;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::names::Taken;

/// What the functions of this adapter return.
pub(crate) type Outcome<T> = Result<T, Fault>;

/// A decision of the domain's, a name that is taken, or a fault of the database's.
#[derive(Debug)]
pub(crate) enum Fault {
    Domain(Error),
    Taken(Box<Taken>),
    Database(DieselError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Domain(error)
    }
}

impl From<DieselError> for Fault {
    fn from(error: DieselError) -> Self {
        Self::Database(error)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Domain(error) => error,
            Fault::Taken(taken) => Self::internal("database", format!("unexplained: {taken:?}")),
            Fault::Database(error) if is_passing(&error) => Self::unavailable("database", error),
            Fault::Database(error) => Self::internal("database", error),
        }
    }
}

/// Whether the database may well work again later: it is locked, full, or its disk fails.
fn is_passing(error: &DieselError) -> bool {
    is_locked(error) || says(error, &["database or disk is full", "disk I/O error"])
}

/// Whether another connection keeps the database to itself.
pub(crate) fn is_locked(error: &DieselError) -> bool {
    says(error, &["database is locked", "database table is locked"])
}

fn says(error: &DieselError, signs: &[&str]) -> bool {
    let DieselError::DatabaseError(_, info) = error else {
        return false;
    };
    signs.iter().any(|sign| info.message().contains(sign))
}

/// A constraint of the schema that a statement can violate in the course of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constraint {
    Username,
    Email,
    LiveName,
    ShareOnce,
    Reference,
}

/// Which constraint `error` is a violation of.
pub(crate) fn violated(error: &DieselError) -> Option<Constraint> {
    let DieselError::DatabaseError(kind, info) = error else {
        return None;
    };
    match (kind, info.message()) {
        (DatabaseErrorKind::ForeignKeyViolation, _) => Some(Constraint::Reference),
        (DatabaseErrorKind::UniqueViolation, message) => {
            let columns = message.rsplit(": ").next()?;
            match columns {
                "users.username_key" => Some(Constraint::Username),
                "users.email_key" => Some(Constraint::Email),
                "nodes.parent_id, nodes.name" => Some(Constraint::LiveName),
                "shares.node_id, shares.guest_id" => Some(Constraint::ShareOnce),
                _ => None,
            }
        }
        _ => None,
    }
}
