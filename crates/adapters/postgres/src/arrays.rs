//! Arrays as parameters, with which one statement reads or writes any number of rows and stays prepared.

use clouddrive_sql::statement::{Bind, Statement};
use clouddrive_sql::types::{DbId, Id};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};

/// A statement with an array for each `?`.
pub(crate) type ArrayStatement = Statement<Values>;

/// An array.
#[derive(Clone)]
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

impl Bind<Pg> for Values {
    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::Ids(ids) => out.push_bind_param::<Array<Nullable<Id>>, _>(ids),
            Self::Integers(numbers) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(numbers),
            Self::Texts(texts) => out.push_bind_param::<Array<Nullable<Text>>, _>(texts),
            Self::Binaries(bytes) => out.push_bind_param::<Array<Nullable<Binary>>, _>(bytes),
        }
    }
}
