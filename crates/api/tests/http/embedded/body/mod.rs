mod gone;
mod large;
