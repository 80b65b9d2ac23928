//! Names whose stored keys are missing because an older version of the server wrote them.

use clouddrive_domain::Result;
use clouddrive_domain::model::{Name, NodeId};
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::statement::{Parameter, Statement};
use crate::types::{DbId, Id, name};

/// A name without keys.
#[derive(QueryableByName)]
pub struct KeylessRow {
    #[diesel(sql_type = Id)]
    id: DbId,
    #[diesel(sql_type = Text)]
    name: String,
}

impl KeylessRow {
    /// The node.
    #[must_use]
    pub const fn id(&self) -> DbId {
        self.id
    }

    /// Its name.
    ///
    /// # Errors
    /// If the name is invalid.
    pub fn name(&self) -> Result<Name> {
        name("nodes", NodeId::from(self.id), self.name.clone())
    }
}

/// Selects up to `max` [`KeylessRow`]s; `without_keys` is the condition on `order_key`.
#[must_use]
pub fn keyless(without_keys: &str, max: u32) -> Statement {
    let text = format!("SELECT id, name FROM nodes WHERE order_key {without_keys} LIMIT ?");
    Statement::new(text, vec![Parameter::Integer(max.into())])
}
