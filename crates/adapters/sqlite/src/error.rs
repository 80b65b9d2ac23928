//! Errors inside this adapter, and their conversion to domain errors.

use clouddrive_domain::Error;
use clouddrive_sql::error::{Constraint, SqlError};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Converts `error` to a domain error.
pub(crate) fn domain_error(error: SqlError) -> Error {
    error.into_domain_error(is_transient)
}

/// Whether the error may be transient: the database is locked or full, or its disk fails.
fn is_transient(error: &DieselError) -> bool {
    is_locked(error) || message_contains(error, &["database or disk is full", "disk I/O error"])
}

/// Whether the disk is full.
pub(crate) fn is_full(error: &DieselError) -> bool {
    message_contains(error, &["database or disk is full"])
}

/// Whether another connection has locked the database.
pub(crate) fn is_locked(error: &DieselError) -> bool {
    message_contains(error, &["database is locked", "database table is locked"])
}

fn message_contains(error: &DieselError, signs: &[&str]) -> bool {
    let DieselError::DatabaseError(_, info) = error else {
        return false;
    };
    signs.iter().any(|sign| info.message().contains(sign))
}

/// The constraint that `error` violates.
pub(crate) fn violated_constraint(error: &DieselError) -> Option<Constraint> {
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
