-- The number of a configuration that the phones of a job read before they reboot.

ALTER TABLE jobs ADD COLUMN restore INTEGER;
