//! Statements over arrays, with which one statement reads or writes any number of rows and stays prepared.

use clouddrive_sql::statement::RowsByPosition;
use clouddrive_sql::types::{DbId, Id};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text, Untyped};

/// A statement with a `?` for each array, in order. Unlike `diesel::sql_query`, it is prepared once per connection.
pub(crate) struct ArrayStatement {
    pub(crate) text: &'static str,
    pub(crate) arrays: Vec<Values>,
}

/// The value of a `?`.
pub(crate) enum Values {
    /// A `uuid[]`.
    Ids(Vec<Option<DbId>>),
    /// A `bigint[]`.
    Integers(Vec<Option<i64>>),
    /// A `text[]`.
    Texts(Vec<Option<String>>),
    /// A `bytea[]`.
    Binaries(Vec<Option<Vec<u8>>>),
}

impl Values {
    /// An array of identifiers.
    pub(crate) fn ids<T: Into<DbId>>(ids: impl IntoIterator<Item = T>) -> Self {
        Self::Ids(ids.into_iter().map(|id| Some(id.into())).collect())
    }

    /// An array of numbers.
    pub(crate) fn integers(numbers: impl IntoIterator<Item = i64>) -> Self {
        Self::Integers(numbers.into_iter().map(Some).collect())
    }

    /// An array of texts.
    pub(crate) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = Option<T>>) -> Self {
        Self::Texts(texts.into_iter().map(|text| text.map(Into::into)).collect())
    }
}

impl ArrayStatement {
    /// Declares the types of its columns, so that rows are read by position.
    pub(crate) fn rows_by_position<Columns>(self) -> RowsByPosition<Columns, Self> {
        RowsByPosition::new(self)
    }
}

impl QueryFragment<Pg> for ArrayStatement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut arrays = self.arrays.iter();
        for (index, piece) in self.text.split('?').enumerate() {
            if index > 0 {
                match arrays.next() {
                    Some(Values::Ids(ids)) => out.push_bind_param::<Array<Nullable<Id>>, _>(ids)?,
                    Some(Values::Integers(numbers)) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(numbers)?,
                    Some(Values::Texts(texts)) => out.push_bind_param::<Array<Nullable<Text>>, _>(texts)?,
                    Some(Values::Binaries(bytes)) => out.push_bind_param::<Array<Nullable<Binary>>, _>(bytes)?,
                    None => return Err(diesel::result::Error::QueryBuilderError("an array is missing".into())),
                }
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

impl QueryId for ArrayStatement {
    type QueryId = ();
    // The prepared statement is cached by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for ArrayStatement {
    type SqlType = Untyped;
}

impl<Connection> diesel::RunQueryDsl<Connection> for ArrayStatement {}
