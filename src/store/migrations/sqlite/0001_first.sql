-- Times are nanoseconds since 1970-01-01 UTC: datetime(at / 1000000000, 'unixepoch').

CREATE TABLE trips (
    id      INTEGER NOT NULL PRIMARY KEY,
    mac     TEXT    NOT NULL,
    policy  TEXT    NOT NULL,
    state   TEXT    NOT NULL,
    open    INTEGER NOT NULL CHECK (open IN (0, 1)),
    changed INTEGER NOT NULL,
    body    TEXT    NOT NULL
) STRICT;
CREATE INDEX trips_of_phone ON trips (mac, open, id);
CREATE INDEX trips_under_way ON trips (id) WHERE open = 1;

CREATE TABLE phones (
    mac      TEXT NOT NULL PRIMARY KEY,
    known_by TEXT NOT NULL,
    vendor   TEXT,
    model    TEXT,
    version  TEXT,
    lines    TEXT NOT NULL -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    name           TEXT    NOT NULL PRIMARY KEY,
    macs           TEXT    NOT NULL, -- JSON
    now            INTEGER NOT NULL CHECK (now IN (0, 1)),
    even_in_a_call INTEGER NOT NULL CHECK (even_in_a_call IN (0, 1)),
    asked          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The highest numbers ever given; a finished job leaves no row behind but its number is not given again.
CREATE TABLE counters (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
    seq  INTEGER NOT NULL PRIMARY KEY,
    at   INTEGER NOT NULL,
    mac  TEXT,
    trip INTEGER,
    kind TEXT    NOT NULL,
    text TEXT    NOT NULL
) STRICT;
CREATE INDEX history_of_phone ON history (mac, at);
CREATE INDEX history_by_time ON history (at);
