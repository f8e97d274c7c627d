-- The firmware realm a phone asked for its settings in last.

ALTER TABLE phones ADD COLUMN realm TEXT;
