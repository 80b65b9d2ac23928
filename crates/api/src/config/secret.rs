use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use clouddrive_auth::MasterKey;
use clouddrive_domain::port::Random;

/// The secret key of the configuration; without one, that of the file `secret.key` in the data directory, which is made
/// of 32 random bytes when there is none, for nobody but its owner to read.
pub(crate) fn master_key(
    configured: Option<&MasterKey>,
    data_dir: &Path,
    random: &dyn Random,
) -> anyhow::Result<MasterKey> {
    if let Some(key) = configured {
        return Ok(key.clone());
    }
    let path = data_dir.join("secret.key");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
            create(&path, random).with_context(|| format!("cannot write {}", path.display()))?
        }
        Err(fault) => return Err(fault).with_context(|| format!("cannot read {}", path.display())),
    };
    MasterKey::new(text.trim().as_bytes()).map_err(|rule| anyhow::anyhow!("the key in {} {rule}", path.display()))
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
