//! What can go wrong inside this adapter, and what the domain calls it.

use clouddrive_domain::Error;
use clouddrive_sql::fault::{Constraint, Fault};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// What the domain calls `fault`.
pub(crate) fn error(fault: Fault) -> Error {
    fault.into_error(is_passing)
}

/// How the server begins to say what passes by itself. Diesel keeps the text of a fault and not its code, so the server
/// must speak English: `lc_messages`. What ends the connection is known without these.
const PASSING: [&str; 5] = [
    "canceling statement due to",
    "deadlock detected",
    "could not extend file",
    "could not write to file",
    "could not serialize access",
];

/// Whether the database may well work again later: it is out of reach, busy or full.
fn is_passing(error: &DieselError) -> bool {
    use DatabaseErrorKind::{ClosedConnection, ReadOnlyTransaction, SerializationFailure, UnableToSendCommand};
    match error {
        DieselError::DatabaseError(kind, info) => {
            matches!(kind, ClosedConnection | ReadOnlyTransaction | SerializationFailure | UnableToSendCommand)
                || PASSING.iter().any(|sign| info.message().starts_with(sign))
        }
        DieselError::BrokenTransactionManager => true,
        _ => false,
    }
}

/// Whether another transaction stood in the way, so that the same one may well succeed if it begins anew.
pub(crate) fn is_conflict(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        DieselError::DatabaseError(_, info) => info.message().starts_with("deadlock detected"),
        _ => false,
    }
}

/// What makes the same transaction begin anew, like a conflict that the server has found.
pub(crate) fn conflict(what: &str) -> DieselError {
    DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new(what.to_owned()))
}

/// Whether a statement failed only because one before it had.
pub(crate) fn is_aftermath(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(_, info) if info.message().starts_with("current transaction is aborted"))
}

/// Which constraint `error` is a violation of.
pub(crate) fn violated(error: &DieselError) -> Option<Constraint> {
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
