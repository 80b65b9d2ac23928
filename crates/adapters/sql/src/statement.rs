//! Statements written in SQL: recursive ones, and those whose order varies.

use std::borrow::Cow;

use clouddrive_domain::model::Timestamp;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, Bool, HasSqlType, Text, Untyped};
use diesel::{QueryResult, QueryableByName};

use crate::types::{DbId, Id};

/// A statement with a `?` for each parameter, in order, rendered with each database's own placeholders. Unlike
/// `diesel::sql_query`, it is prepared once per connection, because there are only a few fixed texts.
///
/// Every `?` is a placeholder, even in a literal or a comment, and in the operators `?`, `?|` and `?&` of PostgreSQL's
/// `jsonb`: texts must not contain these.
#[derive(Clone)]
pub struct Statement {
    text: Cow<'static, str>,
    parameters: Vec<Parameter>,
}

/// A value for a `?`.
#[derive(Clone)]
pub enum Parameter {
    /// An identifier.
    Id(DbId),
    /// A number.
    Integer(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl<T: Into<DbId>> From<T> for Parameter {
    fn from(id: T) -> Self {
        Self::Id(id.into())
    }
}

impl Parameter {
    /// A time.
    #[must_use]
    pub const fn time(time: Timestamp) -> Self {
        Self::Integer(time.as_millis())
    }
}

/// The answer of a statement that checks a condition.
#[derive(QueryableByName)]
pub struct FlagRow {
    /// Whether it holds.
    #[diesel(sql_type = Bool)]
    pub holds: bool,
}

impl Statement {
    /// Creates a statement. There MUST be as many parameters as `?` in the text.
    pub fn new(text: impl Into<Cow<'static, str>>, parameters: Vec<Parameter>) -> Self {
        let text = text.into();
        debug_assert_eq!(text.matches('?').count(), parameters.len(), "the parameters of {text}");
        Self { text, parameters }
    }

    /// Prefixes the statement with `words`, e.g. `EXPLAIN`.
    #[must_use]
    pub fn after(self, words: &str) -> Self {
        Self { text: format!("{words} {}", self.text).into(), ..self }
    }

    /// Appends `words` to the statement, e.g. `FOR UPDATE`.
    #[must_use]
    pub fn before(self, words: &str) -> Self {
        Self { text: format!("{} {words}", self.text).into(), ..self }
    }
}

impl<DB> QueryFragment<DB> for Statement
where
    DB: Backend + HasSqlType<Id>,
    DbId: ToSql<Id, DB>,
    i64: ToSql<BigInt, DB>,
    String: ToSql<Text, DB>,
    Vec<u8>: ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut parameters = self.parameters.iter();
        for (index, piece) in self.text.split('?').enumerate() {
            if index > 0 {
                match parameters.next() {
                    Some(Parameter::Id(id)) => out.push_bind_param::<Id, _>(id)?,
                    Some(Parameter::Integer(number)) => out.push_bind_param::<BigInt, _>(number)?,
                    Some(Parameter::Text(text)) => out.push_bind_param::<Text, _>(text)?,
                    Some(Parameter::Binary(bytes)) => out.push_bind_param::<Binary, _>(bytes)?,
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
    // The prepared statement is cached by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement {
    type SqlType = Untyped;
}

impl<Connection> diesel::RunQueryDsl<Connection> for Statement {}
