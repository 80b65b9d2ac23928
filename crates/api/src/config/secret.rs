use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use clouddrive_domain::port::Random;
use secrecy::{ExposeSecret, SecretString};

/// The secret from which all keys are derived: at least 32 bytes. It has no `Debug` or `Display`, so that it cannot be
/// logged.
#[derive(Clone)]
pub(crate) struct SecretKey(SecretString);

impl SecretKey {
    /// Accepts a secret of at least 32 bytes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        (text.len() >= 32).then(|| Self(SecretString::from(text)))
    }

    /// Reads the secret from `secret.key` in the data directory. If missing, creates it from 32 random bytes, readable
    /// only by its owner.
    pub(crate) fn in_directory(data_dir: &Path, random: &dyn Random) -> anyhow::Result<Self> {
        let path = data_dir.join("secret.key");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(&path, random).with_context(|| format!("cannot write {}", path.display()))?
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Self::parse(text.trim()).with_context(|| format!("the key in {} has fewer than 32 bytes", path.display()))
    }

    /// Exposes the secret, for key derivation.
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

fn create(path: &Path, random: &dyn Random) -> io::Result<String> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let text = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Write to a temporary name first: a crash must not leave a partial key.
    let draft = path.with_extension("key.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    Ok(text)
}
