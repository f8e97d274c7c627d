-- When a phone was last seen to boot by itself. Times as in the other tables.

ALTER TABLE phones ADD COLUMN booted INTEGER;
