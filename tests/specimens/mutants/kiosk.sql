create schema kiosk;

create table kiosk.card (
    id uuid primary key,
    balance integer not null,
    seen integer not null default 0,
    constraint balance_not_negative check (balance >= 0)
);

create table kiosk.sale (
    key uuid primary key,
    card uuid not null,
    amount integer not null,
    constraint sale_of_card foreign key (card) references kiosk.card (id),
    constraint sale_amount_positive check (amount > 0)
);

create unique index sale_of_one_amount on kiosk.sale (card, amount, key);

-- "create function kiosk.old() ... for update" would be a lock, if a comment could hold one.
create function kiosk.refuse_change() returns trigger
language plpgsql
as $$
begin
    raise exception 'sales are never changed';
end
$$;

create trigger sale_unchanged before update or delete on kiosk.sale
for each row execute function kiosk.refuse_change();

create function kiosk.check_amount(p_amount integer) returns void
language plpgsql
as $$
begin
    if p_amount is null or p_amount <= 0 then
        raise exception 'INVALID: %', p_amount;
    end if;
    if p_amount > 1000000 then
        raise exception 'TOO MUCH: %', p_amount;
    end if;
end
$$;

create function kiosk.pay(p_card uuid, p_amount integer, p_key uuid) returns integer
language plpgsql
as $$
declare
    v_balance integer;
begin
    perform kiosk.check_amount(p_amount);

    -- Without "for update" here two of them would read the same balance.
    select balance into v_balance from kiosk.card where id = p_card for no key update;
    if not found then
        raise exception 'UNKNOWN: % (no on conflict, where or for update in a string)', p_card;
    end if;
    -- The row is locked already, so this one isn't needed.
    perform seen from kiosk.card where id = p_card for update;

    insert into kiosk.sale (key, card, amount) values (p_key, p_card, p_amount)
    on conflict (key) do nothing;
    if not found then
        return v_balance;
    end if;

    -- The second of the two would do.
    if v_balance < p_amount then
        raise exception 'INSUFFICIENT: %', v_balance;
    end if;
    if v_balance - p_amount < 0 then
        raise exception 'INSUFFICIENT: %', v_balance;
    end if;
    update kiosk.card set balance = v_balance - p_amount where id = p_card;
    return v_balance - p_amount;
end
$$;

create function kiosk.check_seen(p_seen integer) returns void
language plpgsql
as $$
begin
    if p_seen > 100 then
        raise exception 'SEEN TOO OFTEN: %', p_seen;
    end if;
end
$$;

-- Nobody races this: its operation can't be made up, and no race calls it.
create function kiosk.count_seen(p_card uuid, p_at point) returns integer
language plpgsql
as $$
declare
    v_seen integer;
begin
    select seen into strict v_seen from kiosk.card where id = p_card for no key update;
    loop
        v_seen := v_seen + 1;
        exit when v_seen > 2;
    end loop;
    perform kiosk.check_seen(v_seen);
    update kiosk.card set seen = v_seen where id = p_card;
    return v_seen;
end
$$;

-- Raced by generated races alone. It needs a setting that replacing a function loses.
create function kiosk.top_up(p_card uuid, p_amount integer) returns integer
language plpgsql
as $$
declare
    v_balance integer;
begin
    select balance into v_balance from card where id = p_card for no key update;
    update card set balance = v_balance + p_amount where id = p_card;
    -- Nothing says that a card is seen only once.
    update card set seen = seen + 1 where id = p_card and seen < 1;
    return v_balance + p_amount;
end
$$;

alter function kiosk.top_up(uuid, integer) set search_path = kiosk;
