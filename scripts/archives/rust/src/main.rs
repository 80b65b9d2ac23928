//! Reads a ZIP from standard input with the crate named by the argument, and prints the SHA-256 and path of each entry.

use std::error::Error;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

fn print(bytes: &[u8], path: &str) {
    let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{digest} {path}");
}

fn by_zip() -> Result<(), Box<dyn Error>> {
    let mut input = io::stdin().lock();
    while let Some(mut entry) = zip::read::read_zipfile_from_stream(&mut input)? {
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        print(&bytes, std::str::from_utf8(entry.name_raw())?);
    }
    Ok(())
}

fn by_rc_zip() -> Result<(), Box<dyn Error>> {
    use rc_zip_sync::ReadZipStreaming;
    let mut next = Some(io::stdin().lock().stream_zip_entries_throwing_caution_to_the_wind()?);
    while let Some(mut entry) = next {
        let name = entry.entry().name.clone();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        print(&bytes, &name);
        next = entry.finish()?;
    }
    Ok(())
}

async fn by_async_zip() -> Result<(), Box<dyn Error>> {
    let input = tokio::io::BufReader::new(tokio::io::stdin());
    let mut zip = async_zip::base::read::stream::ZipFileReader::with_tokio(input);
    while let Some(mut entry) = zip.next_with_entry().await? {
        let mut bytes = Vec::new();
        let name = entry.reader().entry().filename().as_str()?.to_owned();
        futures_lite::AsyncReadExt::read_to_end(entry.reader_mut(), &mut bytes).await?;
        print(&bytes, &name);
        zip = entry.done().await?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("zip") => by_zip(),
        Some("rc-zip") => by_rc_zip(),
        _ => by_async_zip().await,
    }
}
