-- title:    A wallet's transaction can't be changed or removed, by anybody
-- property: ledger
-- detects:  no_ledger_entry
--
-- Grants keep the application out, and a superuser ignores grants. So this asks as superuser: what
-- happened once has to stay readable, and a correction is a new transaction. Each attempt undoes
-- itself where nothing else stops it.

-- @values user uuid
-- @setup
insert into stripe_idempotency.users (id) values (:user);

-- @call apply_wallet_transaction
-- @expect ok
select * from stripe_idempotency.apply_wallet_transaction(:user, 'credit', 100, 'opening balance');

-- @as superuser
-- @expect error 23001 wallet_transactions is append-only
do $$
begin
    update stripe_idempotency.wallet_transactions set created_at = now();
    raise exception 'transactions were changed';
end;
$$;
-- @expect error 23001 wallet_transactions is append-only
do $$
begin
    delete from stripe_idempotency.wallet_transactions;
    raise exception 'transactions were deleted';
end;
$$;
-- @expect error 23001 wallet_transactions is append-only
do $$
begin
    truncate stripe_idempotency.wallet_transactions;
    raise exception 'transactions were truncated';
end;
$$;

-- @check The transaction is as it was
select
    count(*) = 1,
    bool_and(entry.amount = 100 and entry.balance_before = 0 and entry.balance_after = 100)
from stripe_idempotency.wallet_transactions as entry
where entry.user_id = :user;
