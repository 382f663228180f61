-- title:    A purchase that was not paid in time fails, whoever notices first
-- property: state
-- detects:  exception_swallowed, state_not_rechecked
--
-- Completion looks at the time itself, so no outcome depends on how often the clean-up runs. The
-- clean-up of one workspace leaves the others' purchases alone, and none of them touches a purchase
-- that isn't pending.

-- @values workspace uuid, other uuid, lead uuid, sold uuid
-- @values due uuid, late uuid, young uuid, done uuid, others_due uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace), (:other);
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40), (:sold, 'available', true, 5);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values
(:due, :workspace, 'credits'),
(:late, :workspace, 'credits'),
(:young, :workspace, 'card'),
(:done, :workspace, 'credits'),
(:others_due, :other, 'card');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:due, :lead, 40), (:late, :lead, 40), (:young, :lead, 40), (:done, :sold, 5), (:others_due, :lead, 40);

-- @call add_workspace_credits
-- @expect ok
select * from lead_marketplace.add_workspace_credits(:workspace, 100, 'opening balance');
-- @call complete_credit_lead_purchase
-- @expect ok success=true, new_credit_balance=95.00, *
select * from lead_marketplace.complete_credit_lead_purchase(:done, :workspace, 5);

-- @setup
update lead_marketplace.marketplace_purchases
set created_at = now() - interval '25 hours', expires_at = now() - interval '1 hour'
where id in (:due, :late, :done, :others_due);

-- A purchase that was completed in time stays completed, and its repeat stays a repeat.
-- @call complete_credit_lead_purchase
-- @expect ok success=true, new_credit_balance=95.00, error_message=null, already_completed=true
select * from lead_marketplace.complete_credit_lead_purchase(:done, :workspace, 5);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase has expired: *-*, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:late, :workspace, 40);

-- @check It has failed, and took nothing
select
    purchase.status = 'failed',
    account.balance = 95,
    lead.for_sale
from lead_marketplace.marketplace_purchases as purchase
inner join lead_marketplace.workspace_credits as account on purchase.buyer_workspace_id = account.workspace_id
cross join lead_marketplace.leads as lead
where purchase.id = :late and lead.id = :lead;

-- @call expire_lead_purchases
-- @expect ok purchases_expired=1
select * from lead_marketplace.expire_lead_purchases(:workspace);
-- @call expire_lead_purchases
-- @expect ok purchases_expired=0
select * from lead_marketplace.expire_lead_purchases(:workspace);

-- @check Only what was due and the workspace's own has failed
select
    count(*) filter (where purchase.status = 'failed' and purchase.id in (:due, :late)) = 2,
    count(*) filter (where purchase.status = 'pending' and purchase.id in (:young, :others_due)) = 2,
    count(*) filter (where purchase.status = 'completed' and purchase.id = :done) = 1
from lead_marketplace.marketplace_purchases as purchase
where purchase.buyer_workspace_id in (:workspace, :other);

-- @call complete_credit_lead_purchase
-- @expect refused success=false, new_credit_balance=null, error_message=Purchase cannot be completed. Status: failed, already_completed=false
select * from lead_marketplace.complete_credit_lead_purchase(:due, :workspace, 40);

-- Without a workspace the clean-up is for all of them.
-- @call expire_lead_purchases
-- @expect ok purchases_expired=*
select * from lead_marketplace.expire_lead_purchases();

-- @check Nothing that is due is pending any more, and what is young still is
select
    not exists (
        select 1
        from lead_marketplace.marketplace_purchases as due
        where due.status = 'pending' and due.expires_at <= now()
    ),
    purchase.status = 'pending',
    (
        select others.status = 'failed'
        from lead_marketplace.marketplace_purchases as others
        where others.id = :others_due
    )
from lead_marketplace.marketplace_purchases as purchase
where purchase.id = :young;
