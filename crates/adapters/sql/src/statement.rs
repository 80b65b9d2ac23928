//! Statements written in SQL, such as recursive ones and those whose order varies, and `UPDATE`s. All of them are
//! prepared once per connection.

use std::borrow::Cow;
use std::marker::PhantomData;

use clouddrive_domain::model::Timestamp;
use diesel::backend::Backend;
use diesel::query_builder::{AsChangeset, AstPass, IntoUpdateTarget, Query, QueryFragment, QueryId, UpdateTarget};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, Bool, HasSqlType, Text, Untyped};
use diesel::{QueryResult, QueryableByName, Table};

use crate::types::{DbId, Id};

/// A statement with a `?` for each parameter, in order, rendered with each database's own placeholders. Unlike
/// `diesel::sql_query`, it is prepared once per connection, because there are only a few fixed texts.
///
/// Every `?` is a placeholder, even in a literal or a comment, and in the operators `?`, `?|` and `?&` of PostgreSQL's
/// `jsonb`: texts must not contain these.
#[derive(Clone)]
pub struct Statement<P = Parameter> {
    text: Cow<'static, str>,
    parameters: Vec<P>,
}

/// A value for a `?`, in the database `DB`.
pub trait Bind<DB: Backend> {
    /// Binds the value.
    ///
    /// # Errors
    /// Those of diesel.
    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>;
}

/// A value for a `?` in either database.
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
        Self::with_parameters(text, parameters)
    }
}

impl<P> Statement<P> {
    /// Creates a statement with parameters of any type. There MUST be as many as `?` in the text.
    pub fn with_parameters(text: impl Into<Cow<'static, str>>, parameters: Vec<P>) -> Self {
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

    /// Declares the types of its first columns, in order, so that rows are read by position. By name, each value of a
    /// row is found by comparing the names of the columns before it.
    #[must_use]
    pub fn rows_by_position<Columns>(self) -> RowsByPosition<Columns, P> {
        RowsByPosition { statement: self, columns: PhantomData }
    }
}

/// A statement whose rows are read by position.
pub struct RowsByPosition<Columns, P = Parameter> {
    statement: Statement<P>,
    columns: PhantomData<fn() -> Columns>,
}

impl<DB: Backend, Columns, P: Bind<DB>> QueryFragment<DB> for RowsByPosition<Columns, P> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.statement.walk_ast(out)
    }
}

impl<Columns, P> QueryId for RowsByPosition<Columns, P> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Columns, P> Query for RowsByPosition<Columns, P> {
    type SqlType = Columns;
}

impl<Columns, P, Connection> diesel::RunQueryDsl<Connection> for RowsByPosition<Columns, P> {}

impl<DB> Bind<DB> for Parameter
where
    DB: Backend + HasSqlType<Id>,
    DbId: ToSql<Id, DB>,
    i64: ToSql<BigInt, DB>,
    String: ToSql<Text, DB>,
    Vec<u8>: ToSql<Binary, DB>,
{
    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()> {
        match self {
            Self::Id(id) => out.push_bind_param::<Id, _>(id),
            Self::Integer(number) => out.push_bind_param::<BigInt, _>(number),
            Self::Text(text) => out.push_bind_param::<Text, _>(text),
            Self::Binary(bytes) => out.push_bind_param::<Binary, _>(bytes),
        }
    }
}

impl<DB: Backend, P: Bind<DB>> QueryFragment<DB> for Statement<P> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut parameters = self.parameters.iter();
        for (index, piece) in self.text.split('?').enumerate() {
            if index > 0 {
                let missing = || diesel::result::Error::QueryBuilderError("a parameter is missing".into());
                parameters.next().ok_or_else(missing)?.bind(&mut out)?;
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

impl<P> QueryId for Statement<P> {
    type QueryId = ();
    // The prepared statement is cached by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<P> Query for Statement<P> {
    type SqlType = Untyped;
}

impl<P, Connection> diesel::RunQueryDsl<Connection> for Statement<P> {}

/// Begins an `UPDATE` of `rows`, as `diesel::update` does. Unlike that one, it is prepared once per connection, unless
/// its condition has a list of varying length.
pub fn update<T: IntoUpdateTarget>(rows: T) -> RowsToUpdate<T::Table, T::WhereClause> {
    RowsToUpdate(rows.into_update_target())
}

/// The rows that an [`Update`] changes.
pub struct RowsToUpdate<T, W>(UpdateTarget<T, W>);

impl<T: Table, W> RowsToUpdate<T, W> {
    /// The statement that makes `changes`, of which there MUST be at least one.
    pub fn set<C: AsChangeset<Target = T>>(self, changes: C) -> Update<T::FromClause, W, C::Changeset> {
        let UpdateTarget { table, where_clause } = self.0;
        Update { table: table.from_clause(), condition: where_clause, changes: changes.as_changeset() }
    }
}

/// An `UPDATE`, created by [`update`].
pub struct Update<T, W, C> {
    table: T,
    condition: W,
    changes: C,
}

impl<DB, T, W, C> QueryFragment<DB> for Update<T, W, C>
where
    DB: Backend,
    T: QueryFragment<DB>,
    W: QueryFragment<DB>,
    C: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        self.changes.walk_ast(out.reborrow())?;
        self.condition.walk_ast(out)
    }
}

impl<T, W, C> QueryId for Update<T, W, C> {
    type QueryId = ();
    // The prepared statement is cached by its text, which depends on the columns that are set.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T, W, C, Connection> diesel::RunQueryDsl<Connection> for Update<T, W, C> {}
