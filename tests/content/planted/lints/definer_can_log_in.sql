-- spend runs with the rights of a superuser.
alter function planted.spend(uuid, numeric, text) owner to current_user;
