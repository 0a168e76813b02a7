# Makes answers.csv and replicates.csv from survey.csv with R's survey package.
#   Rscript tests/oracle/survey/make_answers.R tests/oracle/survey
suppressMessages(library(survey))
folder <- commandArgs(TRUE)[1]
d <- read.csv(file.path(folder, "survey.csv"), stringsAsFactors = FALSE)
keys <- character(0); values <- numeric(0)
say <- function(key, value) {
  value <- as.numeric(value)
  if (length(value) > 1) key <- paste(key, seq_along(value), sep = "#")
  keys <<- c(keys, key); values <<- c(values, value)
}
options(survey.lonely.psu = "adjust", warn = -1)
plain <- svydesign(~psu, strata = ~stratum, weights = ~weight, nest = TRUE, data = d)
designs <- list(
  plain = plain,
  fpc = svydesign(~psu, strata = ~stratum, weights = ~weight, fpc = ~psus_n, nest = TRUE, data = d),
  flat = svydesign(~1, strata = ~stratum, weights = ~weight, data = d),
  srs = svydesign(~1, weights = ~weight, data = d),
  clusters = svydesign(~I(stratum * 100 + psu), weights = ~weight, data = d),
  equal = svydesign(~I(stratum * 100 + psu), fpc = ~I(0 * psu + 90), data = d),
  stages = svydesign(~psu + ssu, strata = ~stratum, weights = ~weight, fpc = ~psus_n + ssus_n, nest = TRUE, data = d))
domains <- list(all = rep(TRUE, nrow(d)), F = d$sex == "F", F_R1 = d$sex == "F" & d$region == "R1",
                FB_A2 = d$status == "FB" & d$age == "A2", R2 = d$region == "R2")
linear <- function(name, des) for (dom in names(domains)) {
  s <- des[domains[[dom]], ]
  at <- function(what) paste(name, dom, what, sep = "|")
  m <- svytotal(~income, s, deff = TRUE); say(at("total"), c(coef(m), SE(m), deff(m)))
  say(at("total_replace"), deff(svytotal(~income, s, deff = "replace")))
  m <- svymean(~income, s, deff = TRUE); say(at("mean"), c(coef(m), SE(m), deff(m)))
  say(at("mean_replace"), deff(svymean(~income, s, deff = "replace")))
  m <- svymean(~gap, s, na.rm = TRUE, deff = TRUE); say(at("gap"), c(coef(m), SE(m), deff(m)))
  m <- svyratio(~income, ~hours, s, deff = TRUE); say(at("ratio"), c(coef(m), SE(m), deff(m)))
  m <- svytotal(~I(0 * income + 1), s); say(at("count"), c(coef(m), SE(m)))
  m <- svymean(~employed, s, deff = TRUE); say(at("share"), c(coef(m), SE(m), deff(m)))
  say(at("df"), degf(s))
}
for (name in names(designs)) linear(name, designs[[name]])
for (choice in c("remove", "certainty", "adjust", "average")) {
  options(survey.lonely.psu = choice); linear(paste0("lonely_", choice), plain)
}
options(survey.lonely.psu = "adjust")
# svyciprop(method = "wilson") of version 4.5: Wilson's limits with p (1 - p) / v and Student's t
wilson <- function(formula, design) {
  m <- svymean(formula, design); p <- as.numeric(coef(m)); n <- p * (1 - p) / as.numeric(vcov(m))
  t <- qt(0.975, degf(design)); root <- t / (2 * n) * sqrt(4 * n * p * (1 - p) + t^2)
  (p + t^2 / (2 * n) + c(-1, 1) * root) / (1 + t^2 / n)
}
for (dom in names(domains)) say(paste("ci", dom, "wilson", sep = "|"), wilson(~employed, plain[domains[[dom]], ]))
say("ci_rare|wilson", wilson(~rare, plain))
for (dom in names(domains)) for (method in c("logit", "likelihood", "asin", "beta", "mean", "xlogit"))
  say(paste("ci", dom, method, sep = "|"),
      as.vector(attr(svyciprop(~employed, plain[domains[[dom]], ], method = method), "ci")))
for (method in c("logit", "asin", "beta", "mean", "xlogit"))
  say(paste("ci_rare", method, sep = "|"), as.vector(attr(svyciprop(~rare, plain, method = method), "ci")))
say("ci_rare|likelihood", as.vector(attr(svyciprop(~rare, plain, method = "likelihood"), "ci")))
for (dom in c("all", "F", "R2")) for (p in c(0.1, 0.5, 0.9)) {
  s <- plain[domains[[dom]], ]
  for (rule in c("math", "school", "shahvaish", paste0("hf", 1:9)))
    say(paste("quantile", dom, p, rule, sep = "|"), unlist(svyquantile(~income, s, p, qrule = rule))[1:4])
  for (type in c("beta", "xlogit", "asin", "score"))
    say(paste("quantile", dom, p, "math", type, sep = "|"),
        tryCatch(unlist(svyquantile(~income, s, p, interval.type = type))[1:4], error = function(e) rep(NA, 4)))
}
by <- svyby(~income, ~sex + status, plain, svymean, covmat = TRUE)
m <- svycontrast(by, list(c(1, 0, -1, 0))); say("contrast|F", c(coef(m), SE(m)))
m <- svycontrast(by, quote(`F.FB` / `F.NB`)); say("contrast|ratio", c(coef(m), SE(m)))
m <- svycontrast(by, quote(log(`F.FB` * `M.NB` / (`F.NB` * `M.FB`)))); say("contrast|log", c(coef(m), SE(m)))
by <- svyby(~income, ~status, plain, svytotal, covmat = TRUE)
m <- svycontrast(by, c(1, -1)); say("contrast|total", c(coef(m), SE(m)))
for (kind in c("F", "Chisq", "Wald", "adjWald", "saddlepoint")) for (pair in list(~sex + status, ~age + status)) {
  m <- svychisq(pair, plain, statistic = kind)
  say(paste("chisq", kind, all.vars(pair)[1], sep = "|"), c(m$statistic, m$p.value))
}
N <- sum(d$weight)
sexes <- data.frame(sex = c("F", "M"), Freq = c(0.5, 0.55) * N)
ages <- data.frame(age = paste0("A", 0:3), Freq = c(0.25, 0.3, 0.3, 0.2) * N)
intercept <- c(1.05 * N, 1.05 * N * 32, 1.05 * N * 0.5)
calibrated <- list(
  post = postStratify(plain, ~sex, sexes),
  rake = rake(plain, list(~sex, ~age), list(sexes, ages), control = list(maxit = 500, epsilon = 1e-12)),
  greg = calibrate(plain, ~hours + sex, c(`(Intercept)` = intercept[1], hours = intercept[2], sexM = intercept[3])),
  bounded = calibrate(plain, ~hours + sex, c(`(Intercept)` = intercept[1], hours = intercept[2], sexM = intercept[3]),
                      bounds = c(0.9, 1.15), epsilon = 1e-12, maxit = 500),
  raking = calibrate(plain, ~hours + sex, c(`(Intercept)` = intercept[1], hours = intercept[2], sexM = intercept[3]),
                     calfun = "raking", epsilon = 1e-12, maxit = 500),
  logit = calibrate(plain, ~hours + sex, c(`(Intercept)` = intercept[1], hours = intercept[2], sexM = intercept[3]),
                    calfun = "logit", bounds = c(0.7, 1.6), epsilon = 1e-12, maxit = 500))
for (name in names(calibrated)) for (dom in c("all", "F_R1")) {
  s <- calibrated[[name]][domains[[dom]], ]
  m <- svytotal(~income, s); say(paste("cal", name, dom, "total", sep = "|"), c(coef(m), SE(m)))
  m <- svymean(~income, s); say(paste("cal", name, dom, "mean", sep = "|"), c(coef(m), SE(m)))
  m <- svyratio(~income, ~hours, s); say(paste("cal", name, dom, "ratio", sep = "|"), c(coef(m), SE(m)))
}
many <- d$stratum < 8
pairs <- d$stratum < 4
base <- svydesign(~psu, strata = ~stratum, weights = ~weight, nest = TRUE, data = d[many, ])
base_fpc <- svydesign(~psu, strata = ~stratum, weights = ~weight, fpc = ~psus_n, nest = TRUE, data = d[many, ])
base_clusters <- svydesign(~I(stratum * 100 + psu), weights = ~weight, data = d[many, ])
base_pairs <- svydesign(~psu, strata = ~stratum, weights = ~weight, nest = TRUE, data = d[pairs, ])
set.seed(4)
replicated <- list(
  JK1 = as.svrepdesign(base_clusters, type = "JK1"), JKn = as.svrepdesign(base, type = "JKn"),
  JKn_fpc = as.svrepdesign(base_fpc, type = "JKn"), JKn_mse = as.svrepdesign(base, type = "JKn", mse = TRUE),
  BRR = as.svrepdesign(base_pairs, type = "BRR"), Fay = as.svrepdesign(base_pairs, type = "Fay", fay.rho = 0.3),
  bootstrap = as.svrepdesign(base, type = "subbootstrap", replicates = 40))
for (name in names(replicated)) {
  r <- replicated[[name]]
  for (dom in c("all", "F")) {
    s <- if (dom == "all") r else subset(r, sex == "F")
    m <- svytotal(~income, s); say(paste("rep", name, dom, "total", sep = "|"), c(coef(m), SE(m)))
    m <- svymean(~income, s); say(paste("rep", name, dom, "mean", sep = "|"), c(coef(m), SE(m)))
    m <- svyratio(~income, ~hours, s); say(paste("rep", name, dom, "ratio", sep = "|"), c(coef(m), SE(m)))
  }
  say(paste("rep", name, "df", sep = "|"), degf(r))
  for (type in c("mean", "beta", "xlogit", "asin", "quantile"))
    say(paste("rep", name, "quantile", type, sep = "|"), unlist(svyquantile(~income, r, 0.5, interval.type = type))[1:4])
  for (kind in c("F", "Chisq", "Wald", "adjWald", "saddlepoint")) {
    m <- svychisq(~age + status, r, statistic = kind); say(paste("rep", name, "chisq", kind, sep = "|"), c(m$statistic, m$p.value))
  }
  by <- svyby(~income, ~status, r, svymean, covmat = TRUE, return.replicates = TRUE)
  m <- svycontrast(by, c(FB = 1, NB = -1)); say(paste("rep", name, "gap", sep = "|"), c(coef(m), SE(m)))
}
for (name in c("BRR", "Fay", "bootstrap"))
  write.csv(weights(replicated[[name]], "analysis"), file.path(folder, paste0("replicates_", name, ".csv")), row.names = FALSE)
write.csv(data.frame(key = keys, value = sprintf("%.17g", values)), file.path(folder, "answers.csv"), row.names = FALSE, quote = FALSE)
cat(length(keys), "answers by survey", as.character(packageVersion("survey")), "\n")
