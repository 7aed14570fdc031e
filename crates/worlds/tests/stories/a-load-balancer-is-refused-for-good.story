# The load balancer of a binding is refused for good: the account takes no public ones by address. The wish for it was recorded anew every
# ten minutes, which wrote its status at rest, and began the waits between calls anew.
Seed 7000046
1. 0.000 s: The cloud is like this: Departs(DomainsOnly).	{"dialect":{"departs":"domains-only"}}
2. 1225.710 s: A user applies the Service api.	{"service":{"name":"api","annotations":{"service.cloud.tencent.com/direct-access":"true"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
3. 1402.392 s: A user deletes the DirectAccessBinding api.	{"deleteBinding":"api"}
