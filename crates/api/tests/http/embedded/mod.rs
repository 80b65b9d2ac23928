//! Embedded stack only: the data directory, and signed URLs that lead back to the server. Most files mirror those
//! beside this module.

mod blob;
mod body;
mod bulk;
mod collector;
mod content;
mod cors;
mod doctor;
mod full_disk;
mod process;
mod service;
mod upload;
