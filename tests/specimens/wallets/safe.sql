-- The twins. Each decides by what it has locked or written, not by what it read before that.
create function wallet.safe_found(p_coupon uuid, p_account uuid) returns text
language plpgsql
as $$
begin
    update wallet.coupon set used = true where id = p_coupon and not used;
    if found then
        update wallet.account set balance = balance + 10 where id = p_account;
        return 'applied';
    end if;
    return 'used';
end
$$;

create function wallet.safe_row_count(p_coupon uuid, p_account uuid) returns text
language plpgsql
as $$
declare
    v_rows integer;
begin
    update wallet.coupon set used = true where id = p_coupon and not used;
    get diagnostics v_rows = row_count;
    if v_rows = 0 then
        return 'used';
    end if;
    update wallet.account set balance = balance + 10 where id = p_account;
    return 'applied';
end
$$;

create function wallet.safe_exception(p_account uuid) returns void
language plpgsql
as $$
declare
    v_balance integer;
begin
    begin
        select balance into strict v_balance from wallet.account where id = p_account;
    exception
        when no_data_found then
            insert into wallet.account (id, balance) values (p_account, 0)
            on conflict (id) do nothing;
    end;
    update wallet.account set balance = balance + 10 where id = p_account;
end
$$;

create function wallet.safe_loop(p_account uuid) returns integer
language plpgsql
as $$
declare
    v_row record;
    v_taken integer := 0;
begin
    for v_row in
        select id, balance from wallet.account where id >= p_account order by id for no key update
    loop
        update wallet.account set balance = v_row.balance - 1 where id = v_row.id;
        v_taken := v_taken + 1;
    end loop;
    return v_taken;
end
$$;

create function wallet.locked_balance_of(p_account uuid) returns integer
language plpgsql
as $$
begin
    return (select balance from wallet.account where id = p_account for no key update);
end
$$;

create function wallet.safe_nested(p_account uuid) returns void
language plpgsql
as $$
begin
    perform wallet.set_balance(p_account, wallet.locked_balance_of(p_account) - 10);
end
$$;

create function wallet.safe_trigger() returns trigger
language plpgsql
as $$
begin
    update wallet.account set balance = balance + new.amount where id = new.account;
    return new;
end
$$;

create trigger keep_balance before insert on wallet.safe_movement
for each row execute function wallet.safe_trigger();

-- The lock makes the second wait until the first has committed; its sum then sees both.
create function wallet.safe_deferred() returns trigger
language plpgsql
as $$
begin
    perform 1 from wallet.account where id = new.account for no key update;
    if (select sum(amount) from wallet.safe_promise where account = new.account) < 0 then
        raise exception 'overdrawn' using errcode = 'check_violation';
    end if;
    return null;
end
$$;

create constraint trigger not_overdrawn after insert on wallet.safe_promise
deferrable initially deferred
for each row execute function wallet.safe_deferred();

create function wallet.safe_sql(p_account uuid) returns bigint
language sql
as $$
    select 1 from wallet.account where id = p_account for no key update;
    insert into wallet.entry (account, amount)
    select p_account, -60
    where (select sum(amount) from wallet.entry where account = p_account) >= 60;
    select count(*) from wallet.entry where account = p_account;
$$;

create function wallet.safe_not_exists(p_account uuid, p_key text) returns boolean
language plpgsql
as $$
begin
    insert into wallet.safe_entry (account, amount, key)
    values (p_account, 10, p_key)
    on conflict (key) do nothing;
    return found;
end
$$;

create function wallet.safe_cursor(p_account uuid) returns void
language plpgsql
as $$
declare
    c_accounts cursor for
        select id, balance from wallet.account where id = p_account for no key update;
begin
    for v_row in c_accounts loop
        update wallet.account set balance = v_row.balance - 1 where id = v_row.id;
    end loop;
end
$$;

create function wallet.safe_dynamic(p_account uuid) returns void
language plpgsql
as $$
begin
    execute 'update wallet.account set balance = balance - 1 where id = $1' using p_account;
end
$$;

create function wallet.safe_condition(p_account uuid) returns text
language plpgsql
as $$
begin
    if p_account is null then
        return 'nobody';
    elsif (select balance from wallet.account where id = p_account for no key update) >= 10 then
        update wallet.account set balance = balance - 10 where id = p_account;
        return 'taken';
    end if;
    return 'too little';
end
$$;

create procedure wallet.safe_procedure(p_account uuid)
language plpgsql
as $$
declare
    v_balance integer := (
        select balance from wallet.account where id = p_account for no key update
    );
begin
    update wallet.account set balance = v_balance - 10 where id = p_account;
end
$$;

create function wallet.safe_order(p_one uuid, p_other uuid) returns void
language plpgsql
as $$
begin
    perform 1 from wallet.account where id in (p_one, p_other) order by id for no key update;
    update wallet.account set balance = balance - 1 where id = p_one;
    update wallet.account set balance = balance + 1 where id = p_other;
end
$$;

grant execute on all functions in schema wallet to wallet_clerk;
