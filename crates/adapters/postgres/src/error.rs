//! Errors inside this adapter, and their conversion to domain errors.

use clouddrive_domain::Error;
use clouddrive_sql::error::{Constraint, SqlError};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Converts `error` to a domain error.
pub(crate) fn domain_error(error: SqlError) -> Error {
    error.into_domain_error(is_transient)
}

/// Prefixes of the server's messages for transient errors. Diesel keeps the text of an error but not its code, so
/// `lc_messages` must be English. Errors that end the connection are recognised without these.
const TRANSIENT: [&str; 5] = [
    "canceling statement due to",
    "deadlock detected",
    "could not extend file",
    "could not write to file",
    "could not serialize access",
];

/// Whether the error may be transient: the database is out of reach, busy or full.
fn is_transient(error: &DieselError) -> bool {
    use DatabaseErrorKind::{ClosedConnection, ReadOnlyTransaction, SerializationFailure, UnableToSendCommand};
    match error {
        DieselError::DatabaseError(kind, info) => {
            matches!(kind, ClosedConnection | ReadOnlyTransaction | SerializationFailure | UnableToSendCommand)
                || TRANSIENT.iter().any(|sign| info.message().starts_with(sign))
        }
        DieselError::BrokenTransactionManager => true,
        _ => false,
    }
}

/// Whether another transaction conflicted, so that a retry of the whole transaction may succeed.
pub(crate) fn is_serialization_conflict(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        DieselError::DatabaseError(_, info) => info.message().starts_with("deadlock detected"),
        _ => false,
    }
}

/// An error that makes the transaction retry, like a conflict found by the server.
pub(crate) fn serialization_failure(what: &str) -> DieselError {
    DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new(what.to_owned()))
}

/// Whether a statement failed only because an earlier one had.
pub(crate) fn is_transaction_aborted(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(_, info) if info.message().starts_with("current transaction is aborted"))
}

/// The constraint that `error` violates.
pub(crate) fn violated_constraint(error: &DieselError) -> Option<Constraint> {
    let DieselError::DatabaseError(kind, info) = error else {
        return None;
    };
    match (kind, info.constraint_name()) {
        (DatabaseErrorKind::ForeignKeyViolation, _) => Some(Constraint::Reference),
        (DatabaseErrorKind::UniqueViolation, Some("users_email_key")) => Some(Constraint::Email),
        (DatabaseErrorKind::UniqueViolation, Some("nodes_live_name")) => Some(Constraint::LiveName),
        (DatabaseErrorKind::UniqueViolation, Some("shares_node_guest")) => Some(Constraint::ShareOnce),
        _ => None,
    }
}
