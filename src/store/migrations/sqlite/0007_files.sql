-- The files, no images, that a phone has fetched: JSON, each name with its SHA-256; none where it is empty.

ALTER TABLE phones ADD COLUMN files TEXT;
