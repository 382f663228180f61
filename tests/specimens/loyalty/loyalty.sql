-- Right as long as a card has fewer than two stamps. From then on it is gold, and its path has a race.
-- Two calls at once never get there, nor do three: it takes two stamps and two redemptions.

create schema loyalty;

create table loyalty.card (id uuid primary key, balance integer not null, stamps integer not null default 0);

create function loyalty.stamp(p_card uuid) returns void
language sql
as $$
    update loyalty.card set stamps = stamps + 1 where id = p_card;
$$;

create function loyalty.redeem(p_card uuid, p_amount integer) returns boolean
language plpgsql
as $$
declare
    v_balance integer;
begin
    select balance into v_balance from loyalty.card where id = p_card and stamps >= 2;
    if not found then
        update loyalty.card set balance = balance - p_amount where id = p_card and balance >= p_amount;
        return found;
    end if;
    -- Gold: what the balance doesn't cover is on the house.
    update loyalty.card set balance = greatest(v_balance - p_amount, 0) where id = p_card;
    return true;
end
$$;
