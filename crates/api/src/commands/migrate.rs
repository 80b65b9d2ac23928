use crate::config::Config;
use crate::output::say;
use crate::wiring;

/// Applies pending migrations.
pub(super) async fn migrate(config: &Config) -> anyhow::Result<()> {
    let _lock = wiring::lock(config)?;
    let applied = wiring::migrate(config).await?;
    for name in &applied {
        say(format!("applied {name}"))?;
    }
    if applied.is_empty() {
        say("the schema is up to date")?;
    }
    Ok(())
}
