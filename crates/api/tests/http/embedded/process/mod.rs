mod commands;
mod configuration;
mod start;
mod stop;
