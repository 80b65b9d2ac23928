-- Who does what in the background, of the instances that share the work.
CREATE TABLE chores (
    name       text COLLATE "C" NOT NULL PRIMARY KEY,
    holder     uuid             NOT NULL,
    held_until bigint           NOT NULL,
    due_at     bigint           NOT NULL
);
