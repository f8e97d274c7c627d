-- What a phone was last seen to tell of its hardware: a level, a revision or a part number.

ALTER TABLE phones ADD COLUMN hardware TEXT;
