-- A little of everything, so that the lines of demo.txt have something to work with.
-- The ids are written out: the same ones stand in demo.txt.

-- lead_marketplace: two workspaces with credits, three leads
insert into lead_marketplace.workspaces (id)
values ('00000001-0000-4000-8000-00000000000a'), ('00000001-0000-4000-8000-00000000000b');

select lead_marketplace.add_workspace_credits(id, 100, 'opening balance')
from lead_marketplace.workspaces;

insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values
('00000001-0000-4000-8000-000000000001', 'available', true, 40),
('00000001-0000-4000-8000-000000000002', 'available', true, 25.50),
('00000001-0000-4000-8000-000000000003', 'available', true, 15);

-- credit_purchase: a user without credits
insert into credit_purchase.user_profiles (id) values ('00000002-0000-4000-8000-000000000001');

-- license_billing: a license with 1000 credits
insert into license_billing.licenses (license_key, tenant_id)
values ('lic_demo', '00000003-0000-4000-8000-000000000001');

select license_billing.add_credits('lic_demo', 1000, '00000003-0000-4000-8000-000000000002');

-- peer_booking: two practitioners, a session between them, a subscription of the first
insert into peer_booking.users (id)
values ('00000004-0000-4000-8000-00000000000a'), ('00000004-0000-4000-8000-00000000000b');

insert into peer_booking.practitioners (user_id)
values ('00000004-0000-4000-8000-00000000000a'), ('00000004-0000-4000-8000-00000000000b');

select peer_booking.allocate_user_credits(
    '00000004-0000-4000-8000-00000000000a', 60, 'opening balance', 'demo'
);

insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes)
values (
    '00000004-0000-4000-8000-000000000001',
    '00000004-0000-4000-8000-00000000000a',
    '00000004-0000-4000-8000-00000000000b',
    45
);

insert into peer_booking.subscriptions (id, user_id)
values ('00000004-0000-4000-8000-000000000002', '00000004-0000-4000-8000-00000000000a');

-- stripe_idempotency: a user with an empty wallet
insert into stripe_idempotency.users (id) values ('00000005-0000-4000-8000-000000000001');
