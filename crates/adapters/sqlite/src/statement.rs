//! Statements that are written out in SQL: recursive ones, and those whose order varies.

use std::borrow::Cow;

use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Text, Untyped};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};

use crate::types::DbId;

/// A statement with a `?` for each of its parameters, in their order. Unlike `diesel::sql_query`, it is prepared once a
/// connection: its text comes from a few that are fixed.
pub(crate) struct Statement {
    text: Cow<'static, str>,
    parameters: Vec<Parameter>,
}

/// A value for a `?`.
pub(crate) enum Parameter {
    Id(DbId),
    Integer(i64),
    Text(String),
}

impl<T: Into<DbId>> From<T> for Parameter {
    fn from(id: T) -> Self {
        Self::Id(id.into())
    }
}

impl Statement {
    pub(crate) fn new(text: impl Into<Cow<'static, str>>, parameters: Vec<Parameter>) -> Self {
        Self { text: text.into(), parameters }
    }
}

impl QueryFragment<Sqlite> for Statement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut parameters = self.parameters.iter();
        for (index, piece) in self.text.split('?').enumerate() {
            if index > 0 {
                match parameters.next() {
                    Some(Parameter::Id(id)) => out.push_bind_param::<Binary, _>(id)?,
                    Some(Parameter::Integer(number)) => out.push_bind_param::<BigInt, _>(number)?,
                    Some(Parameter::Text(text)) => out.push_bind_param::<Text, _>(text)?,
                    None => return Err(diesel::result::Error::QueryBuilderError("a parameter is missing".into())),
                }
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

impl QueryId for Statement {
    type QueryId = ();
    // The text itself is the key under which the prepared statement is kept.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement {
    type SqlType = Untyped;
}

impl RunQueryDsl<SqliteConnection> for Statement {}

#[cfg(test)]
impl Statement {
    /// Turns the statement into the question how it would be answered.
    pub(crate) fn explain(&mut self) {
        self.text = format!("EXPLAIN QUERY PLAN {}", self.text).into();
    }
}
