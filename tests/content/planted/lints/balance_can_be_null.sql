-- An account may have no balance at all.
alter table planted.account
alter column balance drop not null;
