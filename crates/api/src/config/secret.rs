use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use clouddrive_domain::port::Random;

/// The secret from which every key is derived: at least 32 bytes. It prints as nothing, since it cannot be printed.
#[derive(Clone)]
pub(crate) struct SecretKey(String);

impl SecretKey {
    /// Takes a secret that is long enough.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        (text.len() >= 32).then(|| Self(text.to_owned()))
    }

    /// The secret of the file `secret.key` in the data directory, which is made of 32 random bytes when there is none, for
    /// nobody but its owner to read.
    pub(crate) fn in_directory(data_dir: &Path, random: &dyn Random) -> anyhow::Result<Self> {
        let path = data_dir.join("secret.key");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
                create(&path, random).with_context(|| format!("cannot write {}", path.display()))?
            }
            Err(fault) => return Err(fault).with_context(|| format!("cannot read {}", path.display())),
        };
        Self::parse(text.trim()).with_context(|| format!("the key in {} has fewer than 32 bytes", path.display()))
    }

    /// The secret itself, for whoever derives keys from it.
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn create(path: &Path, random: &dyn Random) -> io::Result<String> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let text = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Under another name first: a crash half-way must not leave half a key.
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
