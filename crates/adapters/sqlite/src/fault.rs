//! What can go wrong inside this adapter, and what the domain calls it.

use clouddrive_domain::Error;
use clouddrive_sql::fault::{Constraint, Fault};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// What the domain calls `fault`.
pub(crate) fn error(fault: Fault) -> Error {
    fault.into_error(is_passing)
}

/// Whether the database may well work again later: it is locked, full, or its disk fails.
fn is_passing(error: &DieselError) -> bool {
    is_locked(error) || says(error, &["database or disk is full", "disk I/O error"])
}

/// Whether there is no room for what is to be written.
pub(crate) fn is_full(error: &DieselError) -> bool {
    says(error, &["database or disk is full"])
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
