use crate::config::Config;
use crate::output::print_line;
use crate::wiring;

/// Prints all findings; fails if any requires a change.
pub(super) async fn doctor(config: &Config) -> anyhow::Result<()> {
    let findings = wiring::doctor(config).await?;
    for finding in &findings {
        print_line(finding)?;
    }
    match findings.iter().filter(|finding| finding.is_bad()).count() {
        0 => Ok(()),
        bad => anyhow::bail!("{bad} of {} checks failed", findings.len()),
    }
}
