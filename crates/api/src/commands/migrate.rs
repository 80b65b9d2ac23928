use crate::config::Config;
use crate::output::print_line;
use crate::wiring;

/// Applies pending migrations.
pub(super) async fn migrate(config: &Config) -> anyhow::Result<()> {
    let _lock = wiring::lock(config)?;
    let applied = wiring::migrate(config).await?;
    for name in &applied {
        print_line(format!("applied {name}"))?;
    }
    if applied.is_empty() {
        print_line("the schema is up to date")?;
    }
    Ok(())
}
