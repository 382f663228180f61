-- The check lets a balance below zero through as long as the account has a nickname.
alter table planted.account
drop constraint balance_not_negative,
add constraint balance_not_negative check (balance >= 0 or nickname is not null);
