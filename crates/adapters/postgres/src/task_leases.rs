use async_trait::async_trait;
use clouddrive_domain::Result;
use clouddrive_domain::model::Timestamp;
use clouddrive_domain::port::{Lease, TaskLeaseRepository};
use clouddrive_sql::task_leases as rows;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::Database;
use crate::transaction::TxMode;

#[async_trait]
impl TaskLeaseRepository for Database {
    async fn claim(&self, lease: Lease, now: Timestamp, until: Timestamp) -> Result<bool> {
        let statement = rows::claim(lease, now, until);
        let work = async move |mut connection: &AsyncPgConnection| Ok(statement.execute(&mut connection).await? == 1);
        self.write(TxMode::Write, work).await
    }

    async fn finish(&self, lease: Lease, next: Timestamp) -> Result<()> {
        let statement = rows::finish(lease, next);
        self.write(TxMode::Write, async move |mut connection: &AsyncPgConnection| {
            statement.execute(&mut connection).await?;
            Ok(())
        })
        .await
    }
}
