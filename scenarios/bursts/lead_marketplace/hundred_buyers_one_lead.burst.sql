-- title:    A hundred buyers pay for one lead at the same instant, and one of them gets it
-- property: serial, state, ledger
-- detects:  lock_split_across_calls, check_then_act, state_not_rechecked
-- callers:  100
-- expect:   exactly 1 ok in complete_credit_lead_purchase
-- expect:   the others refused
--
-- A lead that everybody wants goes on sale. Each buyer has a pending purchase of it and enough credits. One payment
-- goes through; the others are told that the lead is gone, and keep their credits.

-- @values lead uuid
-- @setup
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 40);

-- @caller buyer uuid, purchase uuid
insert into lead_marketplace.workspaces (id) values (:buyer);
select * from lead_marketplace.add_workspace_credits(:buyer, 100, 'opening balance');
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :buyer, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 40);

-- @call complete_credit_lead_purchase
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :buyer, 40);

-- @check The lead is sold once
select lead.marketplace_status = 'sold' and lead.sold_count = 1
from lead_marketplace.leads as lead
where lead.id = :lead;

-- @check One purchase of it is completed, and one entry charges for it
with bought as (
    select item.purchase_id from lead_marketplace.marketplace_purchase_items as item
    where item.lead_id = :lead
)

select
    (
        select count(*) = 1 from lead_marketplace.marketplace_purchases as purchase
        where purchase.status = 'completed' and purchase.id in (select bought.purchase_id from bought)
    ) as one_purchase,
    (
        select count(*) = 1 from lead_marketplace.credit_entries as entry
        where entry.purchase_id in (select bought.purchase_id from bought)
    ) as one_entry;

-- @check A buyer has the lead, or all the credits
select
    wallet.balance = (
        select case when bought.status = 'completed' then 60 else 100 end
        from lead_marketplace.marketplace_purchases as bought
        where bought.buyer_workspace_id = wallet.workspace_id
    ) as agrees
from lead_marketplace.workspace_credits as wallet
where wallet.workspace_id = :buyer;
