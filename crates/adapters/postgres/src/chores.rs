use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::{Chores, Lease};
use clouddrive_sql::chores as rows;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::unit::Begin;

#[async_trait]
impl Chores for Database {
    async fn claim(&self, lease: Lease, now: Timestamp, until: Timestamp) -> Result<bool> {
        let statement = rows::claim(lease, now, until);
        let work = async move |mut connection: &AsyncPgConnection| Ok(statement.execute(&mut connection).await? == 1);
        self.write(Begin::Write, work).await
    }

    async fn finish(&self, lease: Lease, next: Timestamp) -> Result<()> {
        let statement = rows::finish(lease, next);
        self.write(Begin::Write, async move |mut connection: &AsyncPgConnection| {
            statement.execute(&mut connection).await?;
            Ok(())
        })
        .await
    }
}
