-- Everybody may spend from every account.
grant execute on function planted.spend(uuid, numeric, text) to public;
