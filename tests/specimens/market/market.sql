create schema market;

create table market.lead (
    id uuid primary key,
    status text not null default 'available',
    sold_count integer not null default 0,
    sold_at timestamptz
);

create table market.buyer (
    id uuid primary key,
    credits integer not null
);

create table market.purchase (
    id uuid primary key default gen_random_uuid(),
    lead uuid not null references market.lead (id),
    buyer uuid not null references market.buyer (id),
    status text not null default 'pending'
);

create function market.reserve(p_lead uuid, p_buyer uuid) returns uuid
language plpgsql
as $$
declare
    v_purchase uuid;
begin
    perform 1 from market.lead where id = p_lead and status = 'available';
    if not found then
        raise exception 'GONE: somebody was quicker';
    end if;
    insert into market.purchase (lead, buyer) values (p_lead, p_buyer) returning id into v_purchase;
    return v_purchase;
end
$$;

create function market.charge(p_purchase uuid) returns integer
language plpgsql
as $$
declare
    v_credits integer;
begin
    update market.buyer
    set credits = credits - 10
    where id = (select buyer from market.purchase where id = p_purchase) and credits >= 10
    returning credits into v_credits;
    if not found then
        raise exception 'INSUFFICIENT: fewer than 10';
    end if;
    update market.purchase set status = 'charged' where id = p_purchase;
    return v_credits;
end
$$;

-- Checks again, under the lead's lock: the reservation was a transaction of its own.
create function market.deliver(p_purchase uuid) returns text
language plpgsql
as $$
declare
    v_lead uuid;
    v_status text;
begin
    select lead into v_lead from market.purchase where id = p_purchase for no key update;
    select status into v_status from market.lead where id = v_lead for no key update;
    v_status := case v_status when 'available' then 'sold' else 'refund_due' end;
    if v_status = 'sold' then
        update market.lead
        set status = 'sold', sold_count = sold_count + 1, sold_at = now()
        where id = v_lead;
    end if;
    update market.purchase set status = v_status where id = p_purchase;
    return v_status;
end
$$;

-- Trusts the reservation.
create function market.deliver_unchecked(p_purchase uuid) returns text
language plpgsql
as $$
begin
    update market.lead
    set status = 'sold', sold_count = sold_count + 1, sold_at = now()
    where id = (select lead from market.purchase where id = p_purchase);
    update market.purchase set status = 'sold' where id = p_purchase;
    return 'sold';
end
$$;
