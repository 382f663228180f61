-- The caller of spend chooses what its names mean.
alter function planted.spend(uuid, numeric, text) reset search_path;
