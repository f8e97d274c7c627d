-- What the gates said of a phone from an instant on, while its window was open. Times as in the other tables.

CREATE TABLE findings (
    seq  INTEGER NOT NULL PRIMARY KEY,
    mac  TEXT    NOT NULL,
    at   INTEGER NOT NULL,
    body TEXT    NOT NULL -- JSON
) STRICT;
CREATE INDEX findings_of_phone ON findings (mac, at);
CREATE INDEX findings_by_time ON findings (at);
