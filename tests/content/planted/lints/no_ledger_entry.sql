-- Credits are given, and no entry says so: "insert into planted.entry" stands in a comment.
create function planted.give(p_account_id uuid, p_amount numeric)
returns void
language plpgsql
set search_path = ''
as $$
begin
    -- insert into planted.entry (account_id, amount) values (p_account_id, p_amount);
    insert into planted.account as given (account_id, balance)
    values (p_account_id, p_amount)
    on conflict (account_id) do update
    set
        nickname = 'rich',
        balance = given.balance + excluded.balance;
end;
$$;

revoke all on function planted.give(uuid, numeric) from public;
