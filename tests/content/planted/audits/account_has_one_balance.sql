-- Two first uses of Cat's account made a row each.
insert into planted.account (account_id, balance) values ('cat', 0);
