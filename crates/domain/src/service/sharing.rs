//! What users share with others, and with the bearers of public links.

pub(super) mod links;
pub(super) mod public_links;
pub(super) mod shares;
