//! Errors inside this adapter, and their conversion to domain errors.

use clouddrive_domain::Error;
use clouddrive_sql::error::{Constraint, SqlError};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Converts `error` to a domain error.
pub(crate) fn domain_error(error: SqlError) -> Error {
    error.into_domain_error(is_transient)
}

/// Whether the error may be transient: the database is locked or full, or its disk fails.
pub(crate) fn is_transient(error: &DieselError) -> bool {
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
    match error {
        DieselError::DatabaseError(_, info) => signs.iter().any(|sign| info.message().contains(sign)),
        // The cause is why it was not committed.
        DieselError::RollbackErrorOnCommit { commit_error, .. } => message_contains(commit_error, signs),
        _ => false,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn database_error(message: &str) -> DieselError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
    }

    #[test]
    fn a_commit_that_also_failed_to_roll_back_is_judged_by_its_first_error() {
        let error = |commit: &str, rollback: &str| DieselError::RollbackErrorOnCommit {
            commit_error: Box::new(database_error(commit)),
            rollback_error: Box::new(database_error(rollback)),
        };
        let full = error("database or disk is full", "disk I/O error");
        assert!(is_full(&full) && is_transient(&full) && !is_locked(&full));
        assert!(!is_transient(&error("FOREIGN KEY constraint failed", "disk I/O error")));
    }
}
