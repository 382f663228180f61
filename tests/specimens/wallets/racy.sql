-- FOUND tells what an unlocked read saw.
create function wallet.racy_found(p_coupon uuid, p_account uuid) returns text
language plpgsql
as $$
begin
    perform 1 from wallet.coupon where id = p_coupon and not used;
    if found then
        update wallet.coupon set used = true where id = p_coupon;
        update wallet.account set balance = balance + 10 where id = p_account;
        return 'applied';
    end if;
    return 'used';
end
$$;

-- So does ROW_COUNT.
create function wallet.racy_row_count(p_coupon uuid, p_account uuid) returns text
language plpgsql
as $$
declare
    v_rows integer;
begin
    perform 1 from wallet.coupon where id = p_coupon and not used;
    get diagnostics v_rows = row_count;
    if v_rows = 0 then
        return 'used';
    end if;
    update wallet.coupon set used = true where id = p_coupon;
    update wallet.account set balance = balance + 10 where id = p_account;
    return 'applied';
end
$$;

-- The account is made on first use, and its balance set to nothing by whoever comes second.
create function wallet.racy_exception(p_account uuid) returns void
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
            on conflict (id) do update set balance = 0;
    end;
    update wallet.account set balance = balance + 10 where id = p_account;
end
$$;

-- The rows of a loop are those of its beginning.
create function wallet.racy_loop(p_account uuid) returns integer
language plpgsql
as $$
declare
    v_row record;
    v_taken integer := 0;
begin
    for v_row in select id, balance from wallet.account where id >= p_account order by id loop
        update wallet.account set balance = v_row.balance - 1 where id = v_row.id;
        v_taken := v_taken + 1;
    end loop;
    return v_taken;
end
$$;

create function wallet.balance_of(p_account uuid) returns integer
language plpgsql
as $$
begin
    return (select balance from wallet.account where id = p_account);
end
$$;

create function wallet.set_balance(p_account uuid, p_balance integer) returns void
language plpgsql
as $$
begin
    update wallet.account set balance = p_balance where id = p_account;
end
$$;

-- Each of the two that it calls is right.
create function wallet.racy_nested(p_account uuid) returns void
language plpgsql
as $$
begin
    perform wallet.set_balance(p_account, wallet.balance_of(p_account) - 10);
end
$$;

create function wallet.racy_trigger() returns trigger
language plpgsql
as $$
declare
    v_balance integer;
begin
    select balance into v_balance from wallet.account where id = new.account;
    update wallet.account set balance = v_balance + new.amount where id = new.account;
    return new;
end
$$;

create trigger keep_balance before insert on wallet.movement
for each row execute function wallet.racy_trigger();

-- Runs inside COMMIT, when the other's promise may be there and not committed.
create function wallet.racy_deferred() returns trigger
language plpgsql
as $$
begin
    if (select sum(amount) from wallet.promise where account = new.account) < 0 then
        raise exception 'overdrawn' using errcode = 'check_violation';
    end if;
    return null;
end
$$;

create constraint trigger not_overdrawn after insert on wallet.promise
deferrable initially deferred
for each row execute function wallet.racy_deferred();

create function wallet.racy_sql(p_account uuid) returns bigint
language sql
as $$
    insert into wallet.entry (account, amount)
    select p_account, -60
    where (select sum(amount) from wallet.entry where account = p_account) >= 60;
    select count(*) from wallet.entry where account = p_account;
$$;

-- One statement, and still two rows: neither sees what the other hasn't committed.
create function wallet.racy_not_exists(p_account uuid, p_key text) returns boolean
language plpgsql
as $$
begin
    insert into wallet.entry (account, amount, key)
    select p_account, 10, p_key
    where not exists (select from wallet.entry where key = p_key);
    return found;
end
$$;

create function wallet.racy_cursor(p_account uuid) returns void
language plpgsql
as $$
declare
    c_accounts cursor for select id, balance from wallet.account where id = p_account;
begin
    for v_row in c_accounts loop
        update wallet.account set balance = v_row.balance - 1 where id = v_row.id;
    end loop;
end
$$;

create function wallet.racy_dynamic(p_account uuid) returns void
language plpgsql
as $$
declare
    v_balance integer;
begin
    execute 'select balance from wallet.account where id = $1' into v_balance using p_account;
    execute format('update wallet.account set balance = %s where id = $1', v_balance - 1)
    using p_account;
end
$$;

-- The condition of an ELSIF is the unlocked read.
create function wallet.racy_condition(p_account uuid) returns text
language plpgsql
as $$
begin
    if p_account is null then
        return 'nobody';
    elsif (select balance from wallet.account where id = p_account) >= 10 then
        update wallet.account set balance = balance - 10 where id = p_account;
        return 'taken';
    end if;
    return 'too little';
end
$$;

create procedure wallet.racy_procedure(p_account uuid)
language plpgsql
as $$
declare
    v_balance integer := (select balance from wallet.account where id = p_account);
begin
    update wallet.account set balance = v_balance - 10 where id = p_account;
end
$$;

-- Locks in the caller's order: there and back again is a deadlock.
create function wallet.racy_order(p_one uuid, p_other uuid) returns void
language plpgsql
as $$
begin
    update wallet.account set balance = balance - 1 where id = p_one;
    update wallet.account set balance = balance + 1 where id = p_other;
end
$$;

grant execute on all functions in schema wallet to wallet_clerk;
